import { boot } from "./boot.mjs";

void boot("scripts/start/main.ts", process.argv.slice(2));
