# An executor of programs: starling, and the shell and tools that sessions call.
# base.tar holds busybox and a /tmp; a site has its own software there.
FROM scratch
ADD base.tar /
COPY starling /bin/starling
USER 65532:65532
ENTRYPOINT ["/bin/starling"]
CMD ["executor", "--help"]
