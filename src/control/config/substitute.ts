import { FileProblem, type FileAccess } from "./file-access.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type Substitution =
  { ok: true; text: string; isChanged: boolean } | { ok: false; problem: string; hint?: string };

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * `${NAME}`, `${NAME:-default}` (also when NAME is empty, as in a shell), `${FILE:/path}` (its text without the final newline);
 * `$${` is a plain `${`.
 */
export function substitute(text: string, env: Environment, files: FileAccess): Substitution {
  if (!text.includes("${")) return { ok: true, text, isChanged: false };
  let failed: Extract<Substitution, { ok: false }> | null = null;
  const replaced = text.replaceAll(REFERENCE, (whole: string, reference: string | undefined) => {
    if (whole === "$${") return "${";
    const found = whole.endsWith("}") ? lookUp(reference ?? "", env, files) : unclosed(whole);
    if (typeof found === "string") return found;
    failed ??= found;
    return "";
  });
  return failed ?? { ok: true, text: replaced, isChanged: true };
}

function lookUp(reference: string, env: Environment, files: FileAccess): string | Extract<Substitution, { ok: false }> {
  if (reference.startsWith("FILE:")) return fileText(reference.slice("FILE:".length), files);
  const at = reference.indexOf(":-");
  const name = at < 0 ? reference : reference.slice(0, at);
  if (!NAME.test(name)) {
    return { ok: false, problem: `"\${${reference}}" is not a variable`, hint: "write $${ for a plain ${" };
  }
  const value = env[name];
  if (at >= 0) return value === undefined || value === "" ? reference.slice(at + 2) : value;
  if (value !== undefined) return value;
  return {
    ok: false,
    problem: `environment variable ${name} is not set`,
    hint: `set it, or give a default: \${${name}:-value}`,
  };
}

function fileText(path: string, files: FileAccess): string | Extract<Substitution, { ok: false }> {
  try {
    return files.text(path).replace(/\r?\n$/, "");
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    const problem = error.message.startsWith("is ") ? `${path} ${error.message}` : error.message;
    return { ok: false, problem };
  }
}

function unclosed(text: string): Extract<Substitution, { ok: false }> {
  return {
    ok: false,
    problem: `${JSON.stringify(text.slice(0, 40))} has no closing brace`,
    hint: "write $${ for a plain ${",
  };
}
