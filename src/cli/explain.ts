import { explainRequest } from "../explain-request.ts";
import { formatDiagnostic } from "../control/config/diagnostics.ts";
import { loadConfig } from "../control/config/load-config.ts";
import { locateConfig, NO_CONFIG } from "../control/config/locate-config.ts";
import type { Io } from "../main.ts";
import { openCatalogue } from "../plugin-workshop.ts";
import { CONFIG_ARGUMENTS, parseArguments } from "./arguments.ts";
import { explanationText } from "./explanation-text.ts";

const USAGE =
  "usage: sluice explain METHOD URL [-H 'k: v'] [--client-ip IP] [--listener NAME] [--json] [--config FILE]";
const OPTIONS = {
  values: [...CONFIG_ARGUMENTS.values, "client-ip", "listener"],
  lists: [...CONFIG_ARGUMENTS.lists, "header"],
  switches: ["json"],
  words: 2,
};

/** `sluice explain`: which route would take a request, why each other one would not, and where it would go. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseArguments(
    args.map((arg) => (arg === "-H" ? "--header" : arg)),
    OPTIONS,
  );
  if ("usage" in parsed) return usage(io, parsed.usage);
  const [method, url] = parsed.words;
  if (method === undefined || url === undefined) return usage(io, "METHOD and URL are needed");
  const headers = (parsed.lists.header ?? []).map(headerOf);
  if (headers.includes(null)) return usage(io, "a header reads 'name: value'");
  const file = locateConfig(parsed.values.config, process.env);
  if (file === null) {
    io.err(`sluice explain: ${NO_CONFIG}`);
    return 1;
  }
  const plugins = openCatalogue();
  const loaded = await loadConfig(file, { env: process.env, sets: parsed.lists.set ?? [], plugins });
  plugins.close();
  if (!loaded.ok) {
    for (const error of loaded.errors) io.err(formatDiagnostic(error));
    return 1;
  }
  const explained = explainRequest(loaded.spec, {
    method,
    url,
    headers: headers as Array<[string, string]>,
    clientIp: parsed.values["client-ip"] ?? "127.0.0.1",
    listener: parsed.values.listener ?? null,
  });
  if ("problem" in explained) return usage(io, explained.problem);
  io.out(parsed.switches.has("json") ? JSON.stringify(explained, null, 2) : explanationText(explained));
  return 0;
}

function usage(io: Io, problem: string): number {
  io.err(`sluice explain: ${problem}\n${USAGE}`);
  return 2;
}

function headerOf(text: string): [string, string] | null {
  const colon = text.indexOf(":");
  return colon > 0 ? [text.slice(0, colon).trim(), text.slice(colon + 1).trim()] : null;
}
