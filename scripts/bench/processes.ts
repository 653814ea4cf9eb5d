import { readFileSync } from "node:fs";

// proc(5): what a process and its children hold and have used. Linux only; elsewhere there is nothing to read.
const kibPerMib = 1_024;
const msPerTick = 10;

/** Resident memory in MiB of a process and all that it started; NaN where the system does not say. */
export const memoryMiB = (pid: number): number =>
  sum(family(pid), (one) => Number(/VmRSS:\s+(\d+)/.exec(proc(one, "status"))?.[1]) / kibPerMib);

/** Milliseconds of processor time that they have used so far, in steps of 10. */
export const cpuMs = (pid: number): number =>
  sum(family(pid), (one) => {
    // After the name, which may hold spaces: fields 14 and 15 are utime and stime.
    const fields = proc(one, "stat").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * msPerTick;
  });

function family(pid: number): number[] {
  const children = proc(pid, `task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

const sum = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + of(pid), 0);
