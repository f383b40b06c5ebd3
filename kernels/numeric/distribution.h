/* Tails of the distributions that tests of significance use. */
#ifndef SEGUE_NUMERIC_DISTRIBUTION_H
#define SEGUE_NUMERIC_DISTRIBUTION_H

/* All local. Relative error about 1e-13, also far out in a tail (checked against SciPy). */

/* The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a and b above 0: continued
 * fraction (Abramowitz and Stegun 26.5.8) by the modified method of Lentz (Thompson and Barnett
 * 1986). NaN outside. */
double distribution_beta(double x, double a, double b);
/* P(|T| >= |t|) for Student's t with df > 0 degrees of freedom. */
double distribution_student_two_sided(double t, double df);
/* P(F >= f) for Fisher's F with df_1 and df_2 degrees of freedom. */
double distribution_fisher_tail(double f, double df_1, double df_2);
/* P(|Z| >= |z|) for a standard normal. */
double distribution_normal_two_sided(double z);

#endif
