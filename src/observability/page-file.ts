import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Numbers in memory that another process can map by name until the name is removed. */
export interface SharedPage {
  readonly path: string;
  readonly numbers: Float64Array;
  /** Removes the name; who has mapped the page keeps it. */
  unlink(): void;
}

/** Memory first: a page on a disk would be written back to it for ever. */
const FOLDERS = ["/dev/shm", tmpdir()];

/** A page of zeros that only this user can open. @throws when no folder takes it */
export function createPage(length: number): SharedPage {
  let failure: unknown;
  for (const folder of FOLDERS) {
    const path = join(folder, `sluice-${process.pid}-${randomBytes(9).toString("hex")}`);
    try {
      writeZeros(path, length * Float64Array.BYTES_PER_ELEMENT);
      return { path, numbers: mapPage(path), unlink: () => rmSync(path, { force: true }) };
    } catch (error) {
      rmSync(path, { force: true });
      failure = error;
    }
  }
  throw failure;
}

/** The page that somebody else created, as long as it has its name. */
export function mapPage(path: string): Float64Array {
  if (statSync(path).size === 0) throw new Error(`${path} is empty`);
  const bytes = Bun.mmap(path, { shared: true });
  return new Float64Array(
    bytes.buffer,
    bytes.byteOffset,
    Math.floor(bytes.byteLength / Float64Array.BYTES_PER_ELEMENT),
  );
}

// Written, not truncated to size: a full /dev/shm is an error here and not a SIGBUS at some request later.
function writeZeros(path: string, bytes: number): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    const zeros = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) at += writeSync(fd, zeros, at);
  } finally {
    closeSync(fd);
  }
}
