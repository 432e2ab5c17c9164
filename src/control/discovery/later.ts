/** Runs `then` once, after so many ms. @returns takes it back */
export type Later = (then: () => void, ms: number) => () => void;

/** By a timer that keeps no process alive. */
export const laterByTimer: Later = (then, ms) => {
  const timer = setTimeout(then, ms);
  timer.unref();
  return () => clearTimeout(timer);
};
