// Client of Tenancy, the multi-tenant backend.
import type { components } from "./generated/schema.js";

/** The types of requests and responses. */
export type Schemas = components["schemas"];
export { Client } from "./client.js";
export type { Content } from "./content.js";
export { Download } from "./download.js";
export * from "./errors.js";
export * as problems from "./generated/problems.js";
export type { CallOptions } from "./request.js";
export type { RetryPolicy } from "./retry.js";
export type { ClientOptions } from "./runtime.js";
export type { Tokens } from "./session.js";
