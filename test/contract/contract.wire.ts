// Becomes contract.wire.test.ts when the wire edge listens.
import { runContract } from "./run-contract.ts";

runContract("wire");
