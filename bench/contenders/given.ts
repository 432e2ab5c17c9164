import { type Contender, PLAIN } from "./contender.ts";

/**
 * A contender of the caller's: `NAME=PORT=COMMAND`, as `compare.sh` of the lab takes it. The command must start a proxy in the
 * foreground that listens on the port and forwards to the origin on 127.0.0.1:9001.
 */
export function givenContender(text: string): Contender {
  const [, name, port, command] = /^([\w.-]+)=(\d+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || command === undefined) throw new Error(`--extra: "${text}" is not NAME=PORT=COMMAND`);
  return {
    ...PLAIN,
    name,
    fixedPort: Number(port),
    tools: [],
    plan: () => ({ command: ["bash", "-c", `exec ${command}`] }),
  };
}
