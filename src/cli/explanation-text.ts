import type { RequestExplanation } from "../explain-request.ts";

const MARKS = { wins: "✓", loses: "-", differs: "✗" } as const;

/** An explanation for a person. */
export function explanationText(explained: RequestExplanation): string {
  const { request, route, action, params, plugins, upstreams, routes } = explained;
  const lines = [
    `${request.method} ${request.scheme}://${request.host}${request.target} on listener ${request.listener}`,
  ];
  lines.push(`route: ${route ?? "none"}`, `action: ${action}`);
  for (const [name, value] of Object.entries(params)) lines.push(`  :${name} = ${value}`);
  for (const { name, file, onError } of plugins) {
    lines.push(`plugin: ${name} (${file}${onError === "continue" ? ", passed over when it fails" : ""})`);
  }
  for (const upstream of upstreams) {
    lines.push(`upstream: ${upstream.name} (weight ${upstream.weight}, ${upstream.balance}), as ${upstream.target}`);
    for (const endpoint of upstream.endpoints) lines.push(`  ${endpoint}`);
  }
  lines.push("", "every route:");
  for (const { id, outcome, reasons } of routes) {
    lines.push(`  ${MARKS[outcome]} ${id}${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`);
  }
  return lines.join("\n");
}
