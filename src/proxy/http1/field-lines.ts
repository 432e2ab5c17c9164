import type { HeaderMap } from "../../model/header-map.ts";
import { type Framing, NO_BODY } from "./body-framing.ts";

/** The text of a head while it is put together: one string, written to the buffer in one call. */
export class FieldLines {
  text: string;
  count = 0;

  constructor(startLine: string) {
    this.text = startLine;
  }

  add(name: string, value: string): void {
    this.text += name + ": " + value + "\r\n";
    this.count++;
  }

  /** The fields of a request, Host and Content-Length in their places but with the values that hold. */
  addRequestFields(headers: HeaderMap, authority: string, framing: Framing): void {
    const names = headers.rawNames;
    const values = headers.rawValues;
    let hosts = 0;
    let length = framing >= 0 ? String(framing) : null;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      switch (placeOf(name)) {
        case Place.plain:
          this.add(name, values[i]!);
          break;
        case Place.host:
          if (hosts++ === 0) this.add(name, authority);
          break;
        case Place.length:
          // `Content-Length: 0` without a body says what its absence says (RFC 9112 §6.3), and servers that insist on it exist.
          if (length === null && framing === NO_BODY && Number(values[i]) === 0) length = "0";
          if (length !== null) this.add(name, length);
          length = null;
          break;
        default:
      }
    }
    if (length !== null) this.add("Content-Length", length);
  }

  /** The fields of a response. */
  addResponseFields(headers: HeaderMap, framing: Framing): void {
    const names = headers.rawNames;
    const values = headers.rawValues;
    let length = framing >= 0 ? String(framing) : null;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      switch (placeOf(name)) {
        case Place.plain:
        case Place.host:
          this.add(name, values[i]!);
          break;
        case Place.length:
          if (framing === NO_BODY) this.add(name, values[i]!);
          else if (length !== null) this.add(name, length);
          length = null;
          break;
        default:
      }
    }
    if (length !== null) this.add("Content-Length", length);
  }
}

const enum Place {
  plain,
  host,
  length,
  /** The codec's own (RFC 9110 §7.6.1): never copied, whoever put it there. */
  owned,
}

// By length first, as in the parser.
function placeOf(name: string): Place {
  switch (name.length) {
    case 2:
      return name.toLowerCase() === "te" ? Place.owned : Place.plain;
    case 4:
      return name.toLowerCase() === "host" ? Place.host : Place.plain;
    case 7:
      return name.toLowerCase() === "upgrade" ? Place.owned : Place.plain;
    case 10: {
      const first = name.charCodeAt(0) | 0x20;
      if (first !== 0x63 && first !== 0x6b) return Place.plain;
      const lower = name.toLowerCase();
      return lower === "connection" || lower === "keep-alive" ? Place.owned : Place.plain;
    }
    case 14:
      return name.toLowerCase() === "content-length" ? Place.length : Place.plain;
    case 16:
      return name.toLowerCase() === "proxy-connection" ? Place.owned : Place.plain;
    case 17:
      return name.toLowerCase() === "transfer-encoding" ? Place.owned : Place.plain;
    default:
      return Place.plain;
  }
}
