/**
 * What a sample takes for granted because the text around it has spoken of it; one that declares such a name itself has its own. A
 * text, since the names would be global for every other file of the project.
 */
export const sampleContext = `
type Package = typeof import('vmdk-driver');

declare const VmdkDriver: Package['VmdkDriver'];
declare const VmdkDriverError: Package['VmdkDriverError'];
declare const FileBackupService: typeof import('vmdk-driver/services').FileBackupService;

declare const vim: import('vmdk-driver').VimSession;
declare const backupService: import('vmdk-driver').BackupService;
declare const config: import('vmdk-driver').VmdkDriverConfig;
declare const logger: import('vmdk-driver').Logger;
declare const driver: import('vmdk-driver').VmdkDriver;
declare const volume: import('vmdk-driver').Volume;
declare const backup: import('vmdk-driver').Backup;
declare const manifest: import('vmdk-driver').BackupManifest;
declare const simulator: import('vmdk-driver/simulator').Simulator;
declare const id: string;

declare const MyBackupService: new () => import('vmdk-driver').BackupService;
declare function uploadFile(from: string, to: string, options: { signal?: AbortSignal | undefined }): Promise<void>;
declare function downloadFile(from: string, to: string, options: { signal?: AbortSignal | undefined }): Promise<void>;
declare function retryLater(): void;
declare const child: import('node:child_process').ChildProcess;
`;
