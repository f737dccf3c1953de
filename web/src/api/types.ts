// Names for what the API answers, from the types that are generated from its OpenAPI document.
import type { components } from "./openapi";

type Schemas = components["schemas"];
export type VmRow = Schemas["VmRow"];
export type Vm = Schemas["Vm"];
export type VmState = VmRow["state"];
export type Plan = Schemas["Plan"];
export type Task = Schemas["Task"];
export type Image = Schemas["Image"];
export type Preset = Schemas["Preset"];
export type Recipe = Schemas["Recipe"];
export type Storage = Schemas["Storage"];
export type Mapping = Schemas["Mapping"];
export type Device = Schemas["Device"];
export type Volume = Schemas["Volume"];
export type Upload = Schemas["Upload"];
export type AccessSettings = Schemas["AccessSettings"];
export type Node = Schemas["Node"];
export type Commit = Schemas["Commit"];
export type User = Schemas["User"];
export type Role = Schemas["Role"];
export type Token = Schemas["Token"];
export type Session = Schemas["Session"];
export type AuditEntry = Schemas["Audit"];
export type AuditVerify = Schemas["AuditVerify"];
export type Privilege = Schemas["Privilege"];
export type Handed = Schemas["Handed"];
export type GuestInfo = Schemas["GuestInfo"];
export type GuestFilesystem = Schemas["GuestFilesystem"];
export type GuestTime = Schemas["GuestTime"];
export type GuestCommand = Schemas["GuestCommand"];
export type Self = Schemas["Self"];
export type NodeMemory = Schemas["NodeMemory"];
export type VmQuestion = Schemas["VmQuestion"];
export type VmMeasurements = Schemas["VmMeasurements"];

export interface List<T> {
  items: T[];
  next?: string;
}
