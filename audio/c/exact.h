/* Goes before every C file of the build (.cargo/config.toml).
 *
 * libopus looks for the best code word with the approximate 1/x and 1/sqrt(x) of x86, whose last bits are
 * each maker's own (Intel SDM and AMD APM vol. 4 give the error only): the same sound came out
 * as other packets on an Intel and on an AMD. Division and square root are exact by IEEE 754, so
 * `mixminus simulate` gives the same file on both. */
#if defined(__x86_64__) && !defined(__ASSEMBLER__)
#define __builtin_ia32_rcpps(x) (1.0f / (x))
#define __builtin_ia32_rcpps256(x) (1.0f / (x))
#define __builtin_ia32_rsqrtps(x) (1.0f / __builtin_ia32_sqrtps(x))
#endif
