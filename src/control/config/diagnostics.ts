/** Where something stands in a file; lines and columns count from 1. Line 0: not in a file (a `--set`). */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type ConfigPath = ReadonlyArray<string | number>;

export interface Diagnostic extends Position {
  /** `upstreams.0.url`, as `--set` takes it; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly severity: "error" | "warning";
}

/** `FILE:LINE:COL  path.to.field  message (hint)`; the parts that are not known are left out. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, path, message, hint, severity } = diagnostic;
  const where = line > 0 ? `${file}:${line}:${column}` : file;
  const said = hint === undefined ? message : `${message} (${hint})`;
  return [where, path, severity === "warning" ? `warning: ${said}` : said].filter((part) => part !== "").join("  ");
}

/** Collects what is wrong, so that all of it is told at once and in the order of the file. */
export class DiagnosticBag {
  readonly #all: Diagnostic[] = [];
  readonly #told = new Set<string>();

  error(at: Position, path: ConfigPath, message: string, hint?: string): void {
    this.#add("error", at, path, { message, hint });
  }

  warn(at: Position, path: ConfigPath, message: string, hint?: string): void {
    this.#add("warning", at, path, { message, hint });
  }

  get errors(): Diagnostic[] {
    return this.#all.filter((diagnostic) => diagnostic.severity === "error").sort(byPosition);
  }

  get warnings(): Diagnostic[] {
    return this.#all.filter((diagnostic) => diagnostic.severity === "warning").sort(byPosition);
  }

  get hasErrors(): boolean {
    return this.#all.some((diagnostic) => diagnostic.severity === "error");
  }

  #add(
    severity: Diagnostic["severity"],
    at: Position,
    path: ConfigPath,
    { message, hint }: { message: string; hint: string | undefined },
  ): void {
    const { file, line, column } = at;
    // A value that stands for many (an anchor, `plugins.all`) is told of once.
    const key = JSON.stringify([file, line, column, path.join("."), message]);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const diagnostic = { file, line, column, path: path.join("."), message, severity };
    this.#all.push(hint === undefined ? diagnostic : { ...diagnostic, hint });
  }
}

function byPosition(a: Diagnostic, b: Diagnostic): number {
  return a.line - b.line || a.column - b.column;
}
