/** What a command takes: `--name VALUE`, `--name VALUE` more than once, `--name`, and how many words without dashes. */
export interface ArgumentSpec {
  readonly values?: readonly string[];
  readonly lists?: readonly string[];
  readonly switches?: readonly string[];
  readonly words?: number;
}

export interface Arguments {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
  readonly switches: ReadonlySet<string>;
  readonly words: readonly string[];
}

/** `--config FILE` and `--set path=value`, which every command that reads the configuration takes. */
export const CONFIG_ARGUMENTS = { values: ["config"], lists: ["set"] } as const satisfies ArgumentSpec;

const SHORT: Readonly<Record<string, string>> = { "-c": "--config", "-h": "--help" };

/** Reads a command line; `--name=value` and `--name value` are the same, `--` ends the options. @returns what is wrong as `usage`. */
export function parseArguments(args: readonly string[], spec: ArgumentSpec): Arguments | { usage: string } {
  const values: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const switches = new Set<string>();
  const words: string[] = [];
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === "--") {
      words.push(...queue.splice(0));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const { name, inline } = split(SHORT[arg] ?? arg);
    if (spec.switches?.includes(name) && inline === undefined) {
      switches.add(name);
      continue;
    }
    const isList = spec.lists?.includes(name) ?? false;
    if (!isList && !spec.values?.includes(name)) return { usage: `unknown option ${arg}` };
    const value = inline ?? queue.shift();
    if (value === undefined || (inline === undefined && value.startsWith("--")))
      return { usage: `--${name} needs a value` };
    if (isList) (lists[name] ??= []).push(value);
    else if (values[name] !== undefined) return { usage: `--${name} is given twice` };
    else values[name] = value;
  }
  if (words.length > (spec.words ?? 0))
    return { usage: `unexpected argument ${JSON.stringify(words[spec.words ?? 0])}` };
  return { values, lists, switches, words };
}

function split(arg: string): { name: string; inline: string | undefined } {
  const name = arg.replace(/^-+/, "");
  const equals = name.indexOf("=");
  return equals < 0 ? { name, inline: undefined } : { name: name.slice(0, equals), inline: name.slice(equals + 1) };
}
