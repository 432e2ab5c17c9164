import { packAuthorKit } from "./pack-author-kit.ts" with { type: "macro" };

/** Only in the executable: to import this packs. */
export const PACKED_AUTHOR_KIT: string = packAuthorKit();
