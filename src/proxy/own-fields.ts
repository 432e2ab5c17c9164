/**
 * Fields that Sluice writes or reads itself, and that an application takes its word for: they frame the message or say who the
 * client is. Besides them all of `X-Forwarded-*` and `X-Auth-*`.
 */
const OWN: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "proxy-connection",
  "keep-alive",
  "x-real-ip",
  "x-request-id",
]);

/** Does the name, whose length alone rules most of them out, begin with `X-Forwarded-` in any case? */
export function isForwardedName(name: string): boolean {
  return name.length > 12 && (name.charCodeAt(0) | 0x20) === 0x78 && /^x-forwarded-/i.test(name);
}

/**
 * CGI and what came after it (WSGI, Rack, PHP) read `X_Real_IP` and `X-Real-IP` as the same variable, so that a field we replace
 * would come back by its other name (https://nginx.org/en/docs/http/ngx_http_core_module.html#underscores_in_headers). Only those
 * are meant: any other name with `_` goes on.
 *
 * @param name with at least one `_`
 */
export function isDisguised(name: string): boolean {
  const read = name.toLowerCase().replaceAll("_", "-");
  return OWN.has(read) || read.startsWith("x-forwarded-") || read.startsWith("x-auth-");
}
