import { boot } from "./boot.mjs";

void boot("scripts/test.ts", process.argv.slice(2));
