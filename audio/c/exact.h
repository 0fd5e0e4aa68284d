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

/* After a loss SILK widens the formants of the first packet that came (63570 / 65536 per tap of its filter), against
 * what a guessed past might do there. The deep guess is near enough not to need it, and the sound so blurred counts
 * as damaged: 65536 leaves the filter as it was sent. define.h guards itself, so this stays. */
#if defined(OPUS_BUILD) && !defined(__ASSEMBLER__)
#include "define.h"
#undef BWE_AFTER_LOSS_Q16
#define BWE_AFTER_LOSS_Q16 65536
#endif
