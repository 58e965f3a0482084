/**
 * A name as vCenter keeps it: `%`, `/` and `\` of an inventory object's name are stored escaped, and must be sent so
 * (`Folder.CreateFolder`, `VirtualMachineConfigSpec.name`).
 */
export function escapeInventoryName(name: string): string {
  return name.replace(/[%/\\]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

/** The name a user gave, from the one vCenter keeps. */
export function unescapeInventoryName(name: string): string {
  return name.replace(/%(25|2f|5c)/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
