"""Functions of other packages under their own names: change the import, and the script goes on.

    from otoscope.compat.pesq import pesq, pesq_batch, PesqError      # instead of: from pesq import ...
    from otoscope.compat.pystoi import stoi                           # instead of: from pystoi import stoi

They behave as those packages do, where that makes sense: the same arguments, errors and answers for signals that cannot be scored. The
scores are those of `otoscope.compare`. They need NumPy, as the originals do.
"""
