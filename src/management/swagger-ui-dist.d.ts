/** Imported as files: what comes is where they lie. */
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
