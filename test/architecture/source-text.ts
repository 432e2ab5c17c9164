/** Source without comments and without what string literals say, so that words in them do not count as code. */
export function codeOf(source: string): string {
  return source.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g,
    (token) => (token.startsWith("/") ? token.replace(/[^\n]/g, " ") : `""`),
  );
}

/** Every module a source names: values and types, static and dynamic, re-exports too. */
export function importsOf(source: string): string[] {
  const withoutComments = source.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, " ");
  const found = withoutComments.matchAll(/(?<!["'.])\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g);
  return [...found].map((match) => (match[1] ?? match[2])!);
}
