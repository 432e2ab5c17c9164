import type { ListenerSpec, TlsIdentitySpec } from "../../model/snapshot-spec.ts";

/** The part of Bun.serve's options that TLS and the HTTP versions over it need. */
export function serveTls(spec: ListenerSpec): { tls?: Bun.TLSOptions[]; http2?: boolean; http3?: boolean } {
  if (spec.tls.length === 0) return {};
  return { tls: spec.tls.flatMap(identity), http2: spec.http2, http3: spec.http3 };
}

/** One entry for each name: Bun's entries have one `serverName`; the one without is the default. */
function identity(spec: TlsIdentitySpec): Bun.TLSOptions[] {
  const { cert, key, clientCa } = spec;
  const client = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const base: Bun.TLSOptions = { cert, key, ...client };
  if (spec.serverNames.length === 0) return [base];
  return spec.serverNames.map((serverName) => ({ ...base, serverName }));
}
