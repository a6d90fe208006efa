# Settings of Horizon while its package compresses the style sheets, and at no other time. It
# does so in four threads, and pyScss fills the table of its scanner when the first one is made,
# without a lock: a thread that came second found it half full, and "inline-block" was a syntax
# error (https://github.com/Kronuz/pyScss/issues/323 may be the same). Here it is made before.
from scss.grammar.expression import SassExpressionScanner

SassExpressionScanner()
