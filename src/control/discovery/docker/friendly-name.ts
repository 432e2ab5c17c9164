import type { Random } from "../../../model/ports.ts";

const HOW =
  "amber brave bright calm clever cosy eager early fair gentle golden happy jolly keen kind lively lucky mellow merry mild neat nimble plucky proud quick quiet ready silver steady sunny swift warm".split(
    " ",
  );
const WHO =
  "badger beaver bison brook canal cedar crane delta dipper eddy falcon fern ferry finch harbor heron island lagoon lark maple mill otter pebble pike rapid reed river salmon swan trout weir willow".split(
    " ",
  );

/** `swift-otter`: good as a host, and easy to say. */
export function friendlyName(random: Random): string {
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  return `${one(HOW)}-${one(WHO)}`;
}
