import type { TestProject } from "vitest/node";
import { type Ready, scratch, startPortcullis } from "./harness.ts";

declare module "vitest" {
  interface ProvidedContext {
    gateway: Ready;
    /** The directory that the gateway keeps its state in. */
    state: string;
  }
}

/** One gateway for all files of the suite; each signs up teams of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { dir, drop } = scratch();
  const started = startPortcullis(dir);
  project.provide("gateway", await started.ready());
  project.provide("state", dir);
  return async () => {
    await started.stop();
    drop();
  };
}
