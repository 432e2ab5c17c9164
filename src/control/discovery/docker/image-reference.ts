import { DockerError } from "./docker-error.ts";

/** An image as the engine names it: `nginx:1.27`, `ghcr.io/acme/shop@sha256:…`. */
export interface ImageReference {
  /** Without tag and digest. */
  readonly name: string;
  /** A tag, or a digest with its algorithm. */
  readonly version: string;
  readonly isDigest: boolean;
  readonly text: string;
}

/** The grammar of github.com/distribution/reference, for what is written down in full. */
const DOMAIN =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\\d{1,5})?\\/)?";
const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^${DOMAIN}${PART}(?:\\/${PART})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * @param image may bring its tag or digest: `nginx:1.27`
 * @param tag null: the image's own, else `latest`
 * @throws DockerError which says what is wrong
 */
export function readImageReference(image: string, tag: string | null): ImageReference {
  const at = image.indexOf("@");
  const beforeDigest = at < 0 ? image : image.slice(0, at);
  // A colon before the last slash belongs to a registry's port.
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const ownTag = colon < 0 ? null : beforeDigest.slice(colon + 1);
  const digest = at < 0 ? null : image.slice(at + 1);
  if (image.length > 255 || !NAME.test(name)) throw invalid("image", image, "nginx or ghcr.io/acme/shop");
  if (digest !== null && !DIGEST.test(digest)) throw invalid("digest", digest, "sha256: and 64 hex digits");
  for (const given of [ownTag, tag]) {
    if (given !== null && !TAG.test(given)) throw invalid("tag", given, "latest or 1.27-alpine");
  }
  if (tag !== null && (ownTag ?? tag) !== tag)
    throw new DockerError("invalid", `the image says ${ownTag}, the tag says ${tag}: leave one of them out`);
  if (tag !== null && digest !== null) throw new DockerError("invalid", "an image with a digest takes no tag");
  const version = digest ?? tag ?? ownTag ?? "latest";
  const isDigest = digest !== null;
  return { name, version, isDigest, text: `${name}${isDigest ? "@" : ":"}${version}` };
}

function invalid(what: string, got: string, example: string): DockerError {
  return new DockerError(
    "invalid",
    `expected ${/^[aeiou]/.test(what) ? "an" : "a"} ${what} such as ${example}, got ${JSON.stringify(got.slice(0, 100))}`,
  );
}

/** @param patterns `nginx`, `ghcr.io/acme/*`, without tags; null: all are */
export function isImageAllowed({ name }: ImageReference, patterns: readonly string[] | null): boolean {
  return (
    patterns === null ||
    patterns.some((pattern) => (pattern.endsWith("/*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern))
  );
}
