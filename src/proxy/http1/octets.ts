/** Octets with a meaning of their own, and the character classes of RFC 9110 and RFC 9112 as tables: one load per octet. */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

const ALPHA = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGIT = "0123456789";

function table(member: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (member(octet) ? 1 : 0));
}

function among(characters: string): Uint8Array {
  return table((octet) => characters.includes(String.fromCharCode(octet)));
}

/** tchar, RFC 9110 §5.6.2: methods and field names. */
export const TOKEN = among(`!#$%&'*+-.^_\`|~${DIGIT}${ALPHA}`);

/** TOKEN without `_`: names that have one are rare, and looked at twice. */
export const PLAIN_NAME = table((octet) => TOKEN[octet] === 1 && octet !== 0x5f);

/** field-vchar, SP and HTAB, RFC 9110 §5.5; the same octets make a reason-phrase (RFC 9112 §4). obs-text passes. */
export const FIELD_VALUE = table((octet) => octet === HTAB || (octet >= 0x20 && octet !== 0x7f));

/**
 * Octets of a request-target that go on as they came. Wider than RFC 3986: `|`, `"`, `{` and raw UTF-8 are common in the wild and
 * have one reading. White space and controls would end the target early, and `#` starts a fragment, which no request-target has.
 */
export const TARGET = table((octet) => octet > 0x20 && octet !== 0x7f && octet !== 0x23);

/** reg-name, RFC 3986 §3.2.2, without percent-encoding (decoded by some, compared raw by others) and comma (a joined list). */
export const REG_NAME = among(`-._~!$&'()*+;=${DIGIT}${ALPHA}`);

/** Value of a hexadecimal digit; 255 for any other octet. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, octet) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(octet).toLowerCase());
  return digit < 0 ? 255 : digit;
});

/** The octets of a lower-case field name, for `isName`. */
export function nameOctets(lower: string): Uint8Array {
  return Buffer.from(lower, "latin1");
}

/**
 * Is the field name at `at`, known to be a token of the same length, called `lower`? Setting bit 5 lower-cases letters, and among
 * token octets only `-` becomes `-`, so the comparison is exact.
 */
export function isName(bytes: Uint8Array, at: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) if ((bytes[at + i]! | 0x20) !== lower[i]) return false;
  return true;
}
