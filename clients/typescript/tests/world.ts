// The running service, and a gate in front of it that can respond instead of it.
//
// The test `clients` of the project sets TENANCY_URL, ADMIN_API_KEY and JWT_SECRET_KEY.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, type Tokens } from "tenancy-client";

function variable(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is set by the test clients`);
  return value;
}

export const URL = variable("TENANCY_URL");
export const PASSWORD = "a password for tests";
export const operator = new Client(URL, { credential: variable("ADMIN_API_KEY") });

/** A response of the gate. `after` forwards the request first, and `close` breaks the connection. */
export interface Canned {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  after?: boolean;
  close?: boolean;
}

/** Forwards requests to the service. Responds with a prepared response while it has one for the path. */
export class Gate {
  readonly requests: string[] = [];
  delay = 0;
  url = "";
  readonly #prepared = new Map<string, Canned[]>();
  readonly #server = createServer((request, response) => {
    this.#respond(request, response).catch(() => response.destroy());
  });

  static async open(): Promise<Gate> {
    const gate = new Gate();
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    gate.url = `http://127.0.0.1:${(gate.#server.address() as AddressInfo).port}`;
    return gate;
  }

  prepare(path: string, ...responses: Canned[]): void {
    this.#prepared.set(path, [...(this.#prepared.get(path) ?? []), ...responses]);
  }

  clear(path: string): void {
    this.#prepared.delete(path);
  }

  count(path: string): number {
    return this.requests.filter((request) => request.endsWith(` ${path}`)).length;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0] ?? "";
    this.requests.push(`${request.method} ${path}`);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const canned = this.#prepared.get(path)?.shift();
    await new Promise((resolve) => setTimeout(resolve, this.delay));
    if (canned && !canned.after) {
      if (canned.close) return void response.destroy();
      response.writeHead(canned.status ?? 503, canned.headers ?? {}).end(canned.body ?? "");
      return;
    }
    const headers = { ...request.headers };
    for (const name of ["host", "connection", "transfer-encoding", "content-length", "expect"]) delete headers[name];
    const init = { method: request.method ?? "GET", headers: headers as Record<string, string> };
    const body = pieces.length > 0 ? { body: Buffer.concat(pieces) } : {};
    const answer = await fetch(URL + request.url, { ...init, ...body, redirect: "manual" });
    const data = Buffer.from(await answer.arrayBuffer());
    if (canned?.close) return void response.destroy();
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(data);
  }
}

/** A tenant with a signed-in administrator. */
export interface Tenant {
  id: string;
  slug: string;
  email: string;
  apiKey: string;
  tokens: Tokens;
}

let last = 0;

export async function createTenant(): Promise<Tenant> {
  last += 1;
  const slug = `typescript-${process.pid}-${last}`;
  const email = `admin@${slug}.example`;
  const created = await operator.createTenant({ name: slug, slug, admin_email: email });
  const client = new Client(URL, { tenant: slug });
  assert(created.setup_token);
  await client.setUpPassword({ setup_token: created.setup_token, password: PASSWORD });
  assert(client.tokens);
  return { id: created.id, slug, email, apiKey: created.api_key, tokens: client.tokens };
}

/** Returns the tokens of a new session. */
export async function signIn(tenant: Tenant): Promise<Tokens> {
  const client = new Client(URL, { tenant: tenant.slug });
  await client.login({ email: tenant.email, password: PASSWORD });
  assert(client.tokens);
  return client.tokens;
}

/** Returns the tokens with an access token that has expired. The client does not know when. */
export function expired(tokens: Tokens): Tokens {
  const [header, claims] = tokens.accessToken.split(".");
  const changed = JSON.parse(Buffer.from(claims ?? "", "base64url").toString()) as { exp: number; iat: number };
  changed.exp = changed.iat - 1;
  const message = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
  const signature = createHmac("sha256", variable("JWT_SECRET_KEY")).update(message).digest("base64url");
  return { accessToken: `${message}.${signature}`, refreshToken: tokens.refreshToken };
}
