import { definePlugin, type Static, t } from "sluice";

const YEAR_MS = 31_536_000_000;

const Directives = t.Record(t.String(), t.Union([t.String(), t.Array(t.String())]));
const Policy = t.Union([t.String(), Directives]);

const Config = t.Object(
  {
    hsts: t.Union(
      [
        t.Literal(false),
        t.Object(
          {
            maxAge: t.Duration({
              default: YEAR_MS,
              description: "How long browsers insist on https. Default: a year.",
            }),
            includeSubDomains: t.Boolean({ default: false, description: "For every name below this one too." }),
            preload: t.Boolean({ default: false, description: "Asks to be built into browsers." }),
          },
          { additionalProperties: false },
        ),
      ],
      {
        default: { maxAge: YEAR_MS, includeSubDomains: false, preload: false },
        description: "Strict-Transport-Security, over https only; false: none.",
      },
    ),
    contentSecurityPolicy: t.Optional({ ...Policy, description: "Text, or a map of directives." }),
    contentSecurityPolicyReportOnly: t.Optional({ ...Policy, description: "The same, which only reports." }),
    frameOptions: t.Union([t.Literal("DENY"), t.Literal("SAMEORIGIN"), t.Literal(false)], {
      default: "SAMEORIGIN",
      description: "X-Frame-Options: who may show the page in a frame.",
    }),
    contentTypeOptions: t.Boolean({ default: true, description: "X-Content-Type-Options: nosniff." }),
    referrerPolicy: t.Union([t.String(), t.Literal(false)], {
      default: "strict-origin-when-cross-origin",
      description: "Referrer-Policy; false: none.",
    }),
    permissionsPolicy: t.Optional({ ...Policy, description: "Text, or a map: `camera: []`, `geolocation: [self]`." }),
    crossOriginOpenerPolicy: t.Optional(
      t.Union(
        ["unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups"].map((one) =>
          t.Literal(one),
        ),
        { description: "Cross-Origin-Opener-Policy." },
      ),
    ),
    crossOriginEmbedderPolicy: t.Optional(
      t.Union(
        ["unsafe-none", "require-corp", "credentialless"].map((one) => t.Literal(one)),
        { description: "Cross-Origin-Embedder-Policy." },
      ),
    ),
    crossOriginResourcePolicy: t.Optional(
      t.Union(
        ["same-site", "same-origin", "cross-origin"].map((one) => t.Literal(one)),
        { description: "Cross-Origin-Resource-Policy." },
      ),
    ),
    remove: t.Array(t.String(), {
      default: ["Server", "X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version"],
      description: "Headers that tell strangers what runs here.",
    }),
    override: t.Boolean({ default: false, description: "Replaces what the upstream said." }),
  },
  { additionalProperties: false },
);
type Config = Static<typeof Config>;
type Field = readonly [name: string, value: string];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"]);
const HSTS = "Strict-Transport-Security";

/** The headers that tell browsers to be careful, on every reply. */
export default definePlugin({
  name: "security-headers",
  config: Config,
  setup({ config }) {
    const { remove, override } = config;
    for (const name of remove)
      if (!TOKEN.test(name) || FRAMING.has(name.toLowerCase()))
        throw new Error(
          `remove: ${JSON.stringify(name)} cannot be taken away: it is no header name, or frames the message`,
        );
    const fields = fieldsOf(config);
    const hsts = config.hsts === false ? null : strictTransport(config.hsts);
    return {
      response(ctx) {
        const { headers } = ctx.reply;
        for (const name of remove) headers.delete(name);
        for (const [name, value] of fields) if (override || !headers.has(name)) headers.set(name, value);
        // RFC 6797 §7.2: never over http, where whoever sits between could write it.
        if (hsts !== null && ctx.scheme === "https" && (override || !headers.has(HSTS))) headers.set(HSTS, hsts);
      },
    };
  },
});

function fieldsOf(config: Config): Field[] {
  const fields: Array<readonly [string, string | false | undefined]> = [
    ["Content-Security-Policy", contentPolicy(config.contentSecurityPolicy)],
    ["Content-Security-Policy-Report-Only", contentPolicy(config.contentSecurityPolicyReportOnly)],
    ["X-Frame-Options", config.frameOptions],
    ["X-Content-Type-Options", config.contentTypeOptions && "nosniff"],
    ["Referrer-Policy", config.referrerPolicy],
    ["Permissions-Policy", permissions(config.permissionsPolicy)],
    ["Cross-Origin-Opener-Policy", config.crossOriginOpenerPolicy],
    ["Cross-Origin-Embedder-Policy", config.crossOriginEmbedderPolicy],
    ["Cross-Origin-Resource-Policy", config.crossOriginResourcePolicy],
  ];
  return fields.filter((field): field is Field => {
    const [name, value] = field;
    if (typeof value === "string" && !VALUE.test(value))
      throw new Error(
        `the value of ${name} must be one line of ASCII; write a long policy as a map or with YAML's ">-"`,
      );
    return typeof value === "string" && value !== "";
  });
}

function strictTransport(hsts: Exclude<Config["hsts"], false>): string {
  const seconds = Math.floor(hsts.maxAge / 1000);
  if (hsts.preload && (!hsts.includeSubDomains || hsts.maxAge < YEAR_MS))
    throw new Error(
      "hsts.preload needs includeSubDomains: true and a maxAge of at least a year: browsers' lists ask for it",
    );
  return `max-age=${seconds}${hsts.includeSubDomains ? "; includeSubDomains" : ""}${hsts.preload ? "; preload" : ""}`;
}

function contentPolicy(policy: Static<typeof Policy> | undefined): string | undefined {
  if (policy === undefined || typeof policy === "string") return policy?.trim();
  const directives = Object.entries(policy).map(([name, sources]) => {
    const words = [sources].flat().join(" ");
    if (!/^[a-z-]+$/.test(name)) throw new Error(`contentSecurityPolicy: ${JSON.stringify(name)} is no directive`);
    if (/[;,]/.test(words)) throw new Error(`contentSecurityPolicy: ${name} holds ";" or ","; write a directive a key`);
    return `${name} ${words}`.trim();
  });
  return directives.join("; ");
}

/** RFC 8941: `geolocation=(self "https://maps.example.com")`. */
function permissions(policy: Static<typeof Policy> | undefined): string | undefined {
  if (policy === undefined || typeof policy === "string") return policy?.trim();
  const features = Object.entries(policy).map(([name, allowed]) => {
    if (!/^[a-z-]+$/.test(name)) throw new Error(`permissionsPolicy: ${JSON.stringify(name)} is no feature`);
    const members = [allowed].flat();
    if (members.includes("*")) return `${name}=*`;
    return `${name}=(${members.map(permitted).join(" ")})`;
  });
  return features.join(", ");
}

function permitted(member: string): string {
  if (member === "self" || member === "src") return member;
  if (/^https?:\/\/[^\s"\\]+$/.test(member)) return `"${member}"`;
  throw new Error(
    `permissionsPolicy: ${JSON.stringify(member)} must be self, src, "*" or an origin such as https://a.example.com`,
  );
}
