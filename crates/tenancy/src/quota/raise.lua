-- Carries the usage of an earlier process over to a counter of a day that exists.
-- KEYS: the counter. ARGV: the process that counted, the usage that it had, the seconds to keep the counter.
if ARGV[1] ~= this_process then raise(KEYS[1], tonumber(ARGV[2]), ARGV[3] * 1000) end
return 1
