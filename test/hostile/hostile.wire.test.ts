import { runHostile } from "./run-hostile.ts";

runHostile("wire");
