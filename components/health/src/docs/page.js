// No validator of somebody else's, and nothing that outlives the page: a key is gone when it is closed.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  operationsSorter: "alpha",
  persistAuthorization: false,
  tagsSorter: "alpha",
  tryItOutEnabled: true,
  validatorUrl: null,
  withCredentials: false,
});
