// Verifies the callers of an Express application:
//
//   const tenancy = verifier("http://tenancy:8002");
//   app.get("/notes", tenancy.require("tenant:read"), (request, response) => {
//     const caller = identityOf(request);
//   });
//
// Without a positive answer of the service, no request reaches its handler.
import type { Request, RequestHandler, Response } from "express";
import { Client, Problem, type Schemas } from "./index.js";

/** The verified caller. Store data under its `tenantId`. */
export interface Identity {
  readonly tenantId: string;
  readonly tenantSlug: string;
  readonly userId: string | null;
  readonly userRole: Schemas["Role"] | null;
  readonly apiKeyId: string | null;
  readonly scopes: ReadonlySet<string>;
}

/** The headers of a caller that identify it. */
const CREDENTIALS = ["authorization", "x-api-key", "x-tenant-slug"];
/** The headers of a refusal about the next step. */
const ADVICE = ["www-authenticate", "retry-after"];
const CALLERS = new WeakMap<Request, Identity>();

/** Returns the caller that the middleware of this route has verified. Throws if the route has none. */
export function identityOf(request: Request): Identity {
  const caller = CALLERS.get(request);
  if (!caller) throw new Error("The caller is not verified. Add the middleware require() to this route.");
  return caller;
}

/** Returns the middleware for the service at `url`. A verification takes `timeout` milliseconds at most. */
export function verifier(url: string, { timeout = 2_000 }: { timeout?: number } = {}) {
  // One repetition after a broken connection. Refusals with Retry-After go to the caller at once.
  const client = new Client(url, { timeout, retry: { retries: 1, longestPause: 0 } });

  async function verify(request: Request, scopes: string[]): Promise<Identity> {
    const requestHeaders: [string, string][] = CREDENTIALS.flatMap((name) =>
      (request.headersDistinct[name] ?? []).map((value): [string, string] => [name, value]),
    );
    const signal = AbortSignal.timeout(timeout);
    const scope = scopes.length > 0 ? { scope: scopes.join(" ") } : {};
    const found = await client.verifyCredential({ ...scope, requestHeaders, signal });
    const held = new Set(found.scopes);
    if (!found.tenant_id || !scopes.every((one) => held.has(one))) throw new Error("The response is incomplete.");
    return {
      tenantId: found.tenant_id,
      tenantSlug: found.tenant_slug,
      userId: found.user_id,
      userRole: found.user_role,
      apiKeyId: found.api_key_id,
      scopes: held,
    };
  }

  function refuse(response: Response, error: unknown): void {
    if (error instanceof Problem && error.status < 500) {
      for (const name of ADVICE) {
        const value = error.headers.get(name);
        if (value !== null) response.setHeader(name, value);
      }
      response.status(error.status).type("application/problem+json").send(JSON.stringify(error.document));
      return;
    }
    const detail = "The caller cannot be verified at the moment. Try again later.";
    const problem = { title: "Unavailable", status: 503, code: "unavailable", detail };
    response.status(503).set("Retry-After", "5").type("application/problem+json");
    response.send(JSON.stringify({ type: "urn:tenancy:problem:unavailable", ...problem }));
  }

  return {
    /** Returns a middleware that verifies the caller and its scopes. */
    require(...scopes: string[]): RequestHandler {
      return (request, response, next) => {
        verify(request, scopes).then(
          (caller) => {
            CALLERS.set(request, caller);
            next();
          },
          (error: unknown) => refuse(response, error),
        );
      };
    },
  };
}
