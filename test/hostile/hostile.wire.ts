// Becomes hostile.wire.test.ts when the wire edge listens.
import { runHostile } from "./run-hostile.ts";

runHostile("wire");
