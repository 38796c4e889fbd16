import type { Problem } from "./errors.js";
import { Problem as AnyProblem } from "./errors.js";
import { Operations } from "./generated/operations.js";
import { PROBLEMS } from "./generated/problems.js";

/** A client of the service. It has a method for each operation. */
export class Client extends Operations {
  protected problemOf(code: string): typeof Problem {
    const known: Record<string, typeof Problem> = PROBLEMS;
    return Object.hasOwn(known, code) ? (known[code] ?? AnyProblem) : AnyProblem;
  }
}
