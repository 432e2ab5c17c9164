import { StoreError } from "../store/store-error.ts";
import { Problem, problem } from "./problem.ts";

/** What is answered when a resource throws: nothing of the inside but what the store says to people. */
export function failureOf(error: unknown, failed: (error: unknown) => void): Response {
  if (error instanceof Problem) return error.response();
  if (!(error instanceof StoreError)) {
    failed(error);
    return problem(500, "internal");
  }
  const { code, message: detail } = error;
  if (code === "too_large") return problem(413, "body_too_large", { detail });
  if (code === "invalid") return problem(422, "invalid_request", { detail });
  failed(error);
  const headers: Record<string, string> = code === "unavailable" ? { "Retry-After": "1" } : {};
  return problem(503, "store_unavailable", { detail, headers });
}
