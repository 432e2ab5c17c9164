/** The parameters of a path that fits, else null. */
export type PathTest = (path: string) => Readonly<Record<string, string>> | null;

/** `/users/:id` and `/files/*`, as in a route. @throws Error where `pattern` is no path */
export function pathTest(pattern: string, where: string): PathTest {
  if (!pattern.startsWith("/")) throw new Error(`${where}.path: ${JSON.stringify(pattern)} must start with "/"`);
  const open = pattern.endsWith("/*");
  const parts = (open ? pattern.slice(0, -2) : pattern).split("/").slice(1);
  if (open && parts.length === 0) return () => ({});
  return (path) => {
    const given = path.split("/").slice(1);
    if (open ? given.length < parts.length : given.length !== parts.length) return null;
    const params: Record<string, string> = Object.create(null);
    for (const [at, part] of parts.entries()) {
      const value = decoded(given[at]!);
      if (part.startsWith(":") && value !== "") params[part.slice(1)] = value;
      else if (part !== value) return null;
    }
    return params;
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
