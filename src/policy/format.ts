type Check = (text: string) => boolean;

const date = /^(\d{4})-(\d{2})-(\d{2})$/;
const time = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const hostname = new RegExp(`^${label}(?:\\.${label})*$`, "i");
const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

function isDate(text: string): boolean {
  const found = date.exec(text);
  if (!found) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const days = [
    31,
    year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
  ];
  return day >= 1 && day <= (days[month - 1] ?? 0);
}

/**
 * The formats that a policy may ask for. JSON Schema lets a validator pass over `format`; a policy's author expects it to
 * be checked, so each of these is and any other is refused at save.
 */
export const formats: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["date", isDate],
  ["time", (text) => time.test(text)],
  ["date-time", (text) => /^.{10}t/i.test(text) && isDate(text.slice(0, 10)) && time.test(text.slice(11))],
  [
    "email",
    (text) =>
      /^[^\s@"<>()[\],;:\\]+@[^\s@]+$/.test(text) && hostname.test(text.slice(text.lastIndexOf("@") + 1)),
  ],
  ["hostname", (text) => text.length <= 253 && hostname.test(text)],
  ["ipv4", (text) => ipv4.test(text)],
  ["ipv6", (text) => /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`)],
  ["uri", (text) => /^[a-z][a-z0-9+.-]*:[^\s\\<>^`{|}"]*$/i.test(text) && URL.canParse(text)],
  ["uuid", (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)],
]);
