import { join } from "node:path";

/** What starts this program: the one-file executable, or Bun with `main.ts`. */
export function ownCommand(): string[] {
  const folder = import.meta.dir;
  return folder.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, join(folder, "main.ts")];
}
