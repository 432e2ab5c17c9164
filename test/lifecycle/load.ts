import { Truncated } from "../kit/byte-stream.ts";
import { type FullReply, RawClient } from "../kit/raw-client.ts";

export interface Load {
  /** Requests answered 200 so far. */
  readonly answered: number;
  /** Ends it once what is under way is answered; every request that did not end with 200, in words. */
  stop(): Promise<string[]>;
}

/** Clients that ask one request after another on keep-alive connections, and again on a new one when it is closed between two. */
export function startLoad(port: number, clients = 8, target = "/load"): Load {
  const state = { stopped: false };
  let answered = 0;
  const failures: string[] = [];
  const drive = async () => {
    let client = await RawClient.connect(port);
    client.stream.record = false;
    while (!state.stopped) {
      // An idle connection may be closed at any time (RFC 9112 §9.3): that is no failed request.
      if (client.stream.ending !== null) client = await RawClient.connect(port);
      client.request({ target });
      const outcome = await client.read().catch((error: unknown) => error);
      if (outcome instanceof Truncated) failures.push(outcome.message);
      else if (outcome instanceof Error) failures.push(outcome.message);
      else if ((outcome as { status: number }).status !== 200)
        failures.push(`status ${(outcome as { status: number }).status}`);
      else answered++;
      const isOver = outcome instanceof Error || (outcome as FullReply).header("connection")?.toLowerCase() === "close";
      if (!isOver) continue;
      client.close();
      client = await RawClient.connect(port);
    }
    client.close();
  };
  const drivers = Array.from({ length: clients }, () =>
    drive().catch((error: Error) => void failures.push(error.message)),
  );
  return {
    get answered() {
      return answered;
    },
    async stop() {
      state.stopped = true;
      await Promise.all(drivers);
      return failures;
    },
  };
}
