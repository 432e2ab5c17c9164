import type { Operation } from "./openapi-operations.ts";

type Json = Record<string, unknown>;

const TEXT: Json = { type: "string" };
const NUMBER: Json = { type: ["integer", "string"], description: "A number, or one in quotes." };
const INSTANCE: Json = {
  type: "object",
  required: ["id", "service", "address", "port"],
  properties: {
    id: TEXT,
    service: TEXT,
    address: TEXT,
    port: NUMBER,
    ttl: { type: ["integer", "string"], description: "Seconds, or `30s`: gone when it is not heard of for so long." },
    metadata: { type: "object", properties: { weight: NUMBER, version: TEXT }, additionalProperties: true },
  },
};
const ID: Json = { type: "object", required: ["id"], properties: { id: TEXT } };
const CONTAINER: Json = {
  type: "object",
  required: ["image"],
  additionalProperties: false,
  properties: {
    image: TEXT,
    tag: TEXT,
    name: { type: "string", description: "It becomes a host." },
    port: { type: "integer" },
    env: { type: "object", additionalProperties: TEXT },
  },
};

/** What the registry and container management answer, with its method and path. */
export const DISCOVERY: Readonly<Record<string, Operation & { readonly at: string }>> = {
  "service.list": {
    ...{ at: "GET /api/v1/services", summary: "Registered services with their instances", tag: "discovery" },
    answers: { 200: "the answer" },
    reply: "Services",
    query: { service: "Only this one." },
    fails: ["404"],
  },
  "service.register": {
    ...{ at: "POST /api/v1/services/register", summary: "Register an instance of a service", tag: "discovery" },
    answers: { 200: "it was there, and is renewed", 201: "it is there" },
    reply: "Registered",
    body: INSTANCE,
    fails: ["404", "409", "507"],
  },
  "service.heartbeat": {
    ...{ at: "PUT /api/v1/services/heartbeat", summary: "Say that an instance lives", tag: "discovery" },
    answers: { 200: "heard" },
    reply: "Acknowledged",
    body: ID,
    fails: ["404"],
  },
  "service.deregister": {
    ...{ at: "DELETE /api/v1/services/deregister", summary: "Take an instance out", tag: "discovery" },
    answers: { 200: "gone" },
    reply: "Acknowledged",
    query: { id: "Of the instance; a body with `id` does as well." },
    fails: ["404", "413"],
  },
  "service.health": {
    ...{ at: "GET /api/v1/health", summary: "The registry's own health", tag: "discovery" },
    answers: { 200: "the answer" },
    reply: "RegistryHealth",
    fails: ["404"],
  },
  "container.list": {
    ...{ at: "GET /api/v1/containers", summary: "Containers that may be managed", tag: "discovery" },
    answers: { 200: "the answer" },
    reply: ["Container"],
    fails: ["404", "502"],
  },
  "container.create": {
    ...{ at: "POST /api/v1/containers", summary: "Start a container from an image", tag: "discovery" },
    answers: { 201: "where it can be reached" },
    reply: "Container",
    body: CONTAINER,
    fails: ["404", "409", "422", "502", "504"],
  },
  "container.delete": {
    ...{ at: "DELETE /api/v1/containers/{id}", summary: "Remove a container", tag: "discovery" },
    answers: { 204: "gone" },
    reply: null,
    fails: ["404", "409", "502"],
  },
  "container.start": {
    ...{ at: "POST /api/v1/containers/{id}/start", summary: "Start a container", tag: "discovery" },
    answers: { 200: "where it can be reached" },
    reply: "Container",
    fails: ["404", "409", "502", "504"],
  },
  "container.stop": {
    ...{ at: "POST /api/v1/containers/{id}/stop", summary: "Stop a container", tag: "discovery" },
    answers: { 204: "stopped" },
    reply: null,
    fails: ["404", "409", "502"],
  },
};
