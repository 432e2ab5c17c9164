import type { EventBus } from "../event-bus.ts";
import { ALERT_TYPES } from "./alert-types.ts";
import { EventStream, type EventStreamOptions } from "./event-stream.ts";
import { everyQuietly } from "./process-vitals.ts";
import { SAMPLE_MS, type SummarySampler } from "./summary.ts";

/** `/api/stream/alerts`: what the bus tells, with the time. @param wall ms since the epoch */
export function alertStream(bus: EventBus, wall: () => number, options: EventStreamOptions = {}): EventStream {
  const stream = new EventStream(options);
  bus.subscribe(ALERT_TYPES, (event) => stream.send({ ...event, timestamp: new Date(wall()).toISOString() }));
  return stream;
}

export interface MetricsStream {
  readonly stream: EventStream;
  /** Ends sampling and every stream. */
  stop(): void;
}

/** A minute of them: an old summary is of no use to anybody. */
const SUMMARIES = 12;

export interface MetricsStreamOptions extends EventStreamOptions {
  /** Nobody else knows that sampling failed. */
  readonly onError: (error: unknown) => void;
}

/** `/api/stream/metrics`: samples every five seconds, for the summary's series also when nobody listens. */
export function metricsStream(sampler: SummarySampler, { onError, ...options }: MetricsStreamOptions): MetricsStream {
  const stream = new EventStream({ greeting: "last", remembered: SUMMARIES, ...options });
  let isBusy = false;
  const sample = async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await sampler.sample();
      stream.send(await sampler.summary());
    } catch (error) {
      onError(error);
    } finally {
      isBusy = false;
    }
  };
  const stopSampling = (options.every ?? everyQuietly)(SAMPLE_MS, () => void sample());
  const stop = () => {
    stopSampling();
    stream.close();
  };
  return { stream, stop };
}
