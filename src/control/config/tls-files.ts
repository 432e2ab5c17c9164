import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import type { TlsIdentitySpec, UpstreamTlsSpec } from "../../model/snapshot-spec.ts";
import type { BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { FileProblem } from "./file-access.ts";
import type { ListenerTlsConfig } from "./schema-listeners.ts";
import type { UpstreamConfig } from "./schema-upstreams.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** @returns null when a part of it cannot be used; the context then knows why. */
export function buildTlsIdentity(
  tls: ListenerTlsConfig,
  path: ConfigPath,
  context: BuildContext,
): TlsIdentitySpec | null {
  const pair = readPair(tls.cert, tls.key, path, context);
  const clientCa = tls.clientCa === undefined ? null : readCertificates(tls.clientCa, [...path, "clientCa"], context);
  if (pair === null || (tls.clientCa !== undefined && clientCa === null)) return null;
  const configured = tls.serverNames?.filter((name) => name !== undefined).map((name) => name.toLowerCase());
  return {
    cert: pair.cert,
    key: pair.key,
    serverNames: configured ?? dnsNames(pair.certificate),
    clientCa: clientCa?.pem ?? null,
  };
}

export function buildUpstreamTls(tls: UpstreamConfig["tls"], path: ConfigPath, context: BuildContext): UpstreamTlsSpec {
  const ca = tls?.ca === undefined ? null : (readCertificates(tls.ca, [...path, "ca"], context)?.pem ?? null);
  const isHalf = (tls?.cert === undefined) !== (tls?.key === undefined);
  if (isHalf) context.error(path, "a client certificate needs both cert and key");
  const hasPair = tls?.cert !== undefined && tls.key !== undefined;
  const pair = hasPair ? readPair(tls.cert, tls.key, path, context) : null;
  if (tls?.insecure === true)
    context.warn([...path, "insecure"], "accepts any certificate: anyone on the way can read and change everything");
  return {
    ca,
    cert: pair?.cert ?? null,
    key: pair?.key ?? null,
    serverName: tls?.serverName ?? null,
    insecure: tls?.insecure ?? false,
  };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly certificate: X509Certificate;
}

function readPair(
  cert: string | undefined,
  key: string | undefined,
  path: ConfigPath,
  context: BuildContext,
): Pair | null {
  const chain = cert === undefined ? null : readCertificates(cert, [...path, "cert"], context);
  const secret = key === undefined ? null : readKey(key, [...path, "key"], context);
  if (chain === null || secret === null) return null;
  if (!chain.first.checkPrivateKey(secret.key)) {
    context.error([...path, "key"], "the private key does not belong to the certificate");
    return null;
  }
  if (Date.parse(chain.first.validTo) < Date.now()) {
    context.warn([...path, "cert"], `the certificate expired on ${chain.first.validTo}`);
  }
  return { cert: chain.pem, key: secret.pem, certificate: chain.first };
}

function readCertificates(
  from: string,
  path: ConfigPath,
  context: BuildContext,
): { pem: string; first: X509Certificate } | null {
  const pem = readPem(from, path, context);
  if (pem === null) return null;
  const blocks = pem.match(CERTIFICATE) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates.length > 0) return { pem, first: certificates[0]! };
  } catch {
    // Told below, with the same words: the library's say nothing to a person.
  }
  context.error(
    path,
    `${labelOf(from)} holds no certificate that can be read`,
    "a PEM file: -----BEGIN CERTIFICATE-----",
  );
  return null;
}

function readKey(from: string, path: ConfigPath, context: BuildContext): { pem: string; key: KeyObject } | null {
  const pem = readPem(from, path, context);
  if (pem === null) return null;
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    const hint = pem.includes("ENCRYPTED")
      ? "keys with a passphrase are not supported"
      : "a PEM file: -----BEGIN PRIVATE KEY-----";
    context.error(path, `${labelOf(from)} holds no private key that can be read`, hint);
    return null;
  }
}

function readPem(from: string, path: ConfigPath, context: BuildContext): string | null {
  if (from.includes("-----BEGIN ")) return from;
  try {
    return context.files.text(from);
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    context.error(path, error.message.startsWith("is ") ? `${from} ${error.message}` : error.message);
    return null;
  }
}

function labelOf(from: string): string {
  return from.includes("-----BEGIN ") ? "this text" : from;
}

function dnsNames(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(", ") ?? [];
  return names.filter((name) => name.startsWith("DNS:")).map((name) => name.slice("DNS:".length).toLowerCase());
}
