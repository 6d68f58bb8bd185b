/* SPDX-License-Identifier: Apache-2.0 */
/* Names of CK_RV values. Here, below everything, because an error record of any layer may carry one. */
#ifndef J11_CKR_H
#define J11_CKR_H

/* "CKR_PIN_INCORRECT"; "CKR_0x80000001" for a value without a name, in thread-local storage. */
const char *j11_ckr_name(unsigned long ckr);

#endif
