-- @ help (console)
help()
help('newServer')

-- @ print
print('reading', 'the file')

-- @ errlog, warnlog, infolog, vinfolog
-- vinfolog() is written in verbose mode alone.
errlog('an error')
warnlog('a warning')
infolog('a line')
vinfolog('a line for the curious')

-- @ delta (console)
addACL('192.0.2.0/24')
delta()

-- @ show (console)
show('what a script prints for the console')
