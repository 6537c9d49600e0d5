export declare function codec(): { enc(value: unknown): unknown; dec(value: unknown): unknown };
export declare const WORLD: string;
export declare const BINDING: string;
export declare const pageScript: string;
export declare function isolatedScript(preload: string): string;
