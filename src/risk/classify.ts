export type Category = "Read" | "Write" | "Execute" | "Destructive" | "Financial";
export type Level = "low" | "medium" | "high" | "critical";
