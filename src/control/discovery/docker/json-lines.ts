import { DockerError } from "./docker-error.ts";

/** Docker's longest lines are events with all labels of a container. */
const MAX_LINE = 4 * 1024 * 1024;

/** The values of a stream of JSON, one a line. @throws DockerError for a line that is none, or has no end */
export async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield parsed(line);
    if (rest.length > MAX_LINE) throw new DockerError("failed", "the engine sent a line of more than 4 MiB");
  }
  if (rest.trim() !== "") yield parsed(rest);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new DockerError("failed", `the engine sent what is not JSON: ${line.slice(0, 80)}`, { cause });
  }
}
