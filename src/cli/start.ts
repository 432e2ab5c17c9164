import { locateConfig, NO_CONFIG } from "../control/config/locate-config.ts";
import type { Io } from "../main.ts";
import { writePid } from "../pid-file.ts";
import { tuneRuntime } from "./tune-runtime.ts";
import { CONFIG_ARGUMENTS, parseArguments } from "./arguments.ts";
import { StartError } from "../start-error.ts";
import type { RunningProxy, startProxy } from "../start-proxy.ts";

/** `sluice start`: serves until a signal says otherwise. */
export function startCommand(start: typeof startProxy, mode: "serve" | "develop") {
  return async (args: string[], io: Io): Promise<number> => {
    tuneRuntime();
    const parsed = parseArguments(args, CONFIG_ARGUMENTS);
    if ("usage" in parsed) {
      io.err(`sluice start: ${parsed.usage}; usage: sluice start [--config FILE] [--set path.to.field=value]`);
      return 2;
    }
    const file = locateConfig(parsed.values.config, process.env);
    if (file === null) {
      io.err(`sluice start: ${NO_CONFIG}`);
      return 1;
    }
    try {
      const proxy = await start({ file, env: process.env, sets: parsed.lists.set ?? [], mode, warn: io.err });
      return await serveUntilSignal(proxy);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      for (const line of error.lines) io.err(line);
      return 1;
    }
  };
}

/** SIGHUP reloads; SIGTERM and SIGINT drain; a second one of those ends it at once. */
async function serveUntilSignal(proxy: RunningProxy): Promise<number> {
  const removePid = writePid();
  const { log } = proxy.log;
  process.on("SIGHUP", () => void proxy.reload());
  process.on("uncaughtException", (err) => log.error({ err }, "uncaught exception"));
  process.on("unhandledRejection", (err) => log.error({ err }, "unhandled rejection"));
  return new Promise((resolve) => {
    let leaving = false;
    const leave = (signal: NodeJS.Signals, code: number) => {
      if (leaving) {
        proxy.log.flush();
        process.exit(128 + code);
      }
      leaving = true;
      log.info({ signal }, "shutting down");
      void proxy.shutDown().then(() => {
        removePid();
        resolve(0);
      });
    };
    process.on("SIGTERM", () => leave("SIGTERM", 15));
    process.on("SIGINT", () => leave("SIGINT", 2));
  });
}
